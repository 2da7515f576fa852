import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import token_exchange.models.exact_char_field
import token_exchange.models.secret_free_fields
import token_exchange.models.validators

# A project that keeps our own model need not name it.
ORGANIZATION_MODEL = getattr(
    settings, "TOKEN_EXCHANGE_ORGANIZATION_MODEL", "token_exchange.Organization"
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(ORGANIZATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Organization",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "default_token_lifetime",
                    models.DurationField(
                        blank=True,
                        help_text="Lifetime of tokens (HH:MM:SS), unless the credential has its own.",
                        null=True,
                        validators=[token_exchange.models.validators.validate_lifetime],
                        verbose_name="default token lifetime",
                    ),
                ),
                (
                    "max_token_lifetime",
                    models.DurationField(
                        blank=True,
                        help_text="Longest lifetime of new tokens (HH:MM:SS, up to 24 hours).",
                        null=True,
                        validators=[token_exchange.models.validators.validate_lifetime],
                        verbose_name="maximum token lifetime",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="While an organization is inactive, its credentials and their tokens are refused.",
                        verbose_name="active",
                    ),
                ),
                (
                    "name",
                    token_exchange.models.secret_free_fields.SecretFreeCharField(
                        max_length=255, verbose_name="name"
                    ),
                ),
                (
                    "search_name",
                    models.GeneratedField(
                        db_index=True,
                        db_persist=True,
                        expression=django.db.models.functions.text.Lower("name"),
                        output_field=models.CharField(max_length=255),
                    ),
                ),
                (
                    "slug",
                    token_exchange.models.secret_free_fields.SecretFreeSlugField(
                        max_length=100, unique=True, verbose_name="slug"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
            ],
            options={
                "verbose_name": "organization",
                "verbose_name_plural": "organizations",
                "ordering": ["search_name"],
                "abstract": False,
                "swappable": "TOKEN_EXCHANGE_ORGANIZATION_MODEL",
            },
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sequence",
                    models.PositiveIntegerField(
                        editable=False, unique=True, verbose_name="sequence"
                    ),
                ),
                (
                    "kid",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=43, unique=True, verbose_name="kid"
                    ),
                ),
                (
                    "algorithm",
                    models.CharField(
                        choices=[("ES256", "ES256"), ("EdDSA", "EdDSA"), ("RS256", "RS256")],
                        editable=False,
                        max_length=5,
                        verbose_name="algorithm",
                    ),
                ),
                ("public_jwk", models.JSONField(editable=False, verbose_name="public JWK")),
                ("encrypted_private_key", models.TextField(editable=False)),
                ("published_at", models.DateTimeField(editable=False, verbose_name="published at")),
                ("activates_at", models.DateTimeField(editable=False, verbose_name="signs from")),
                (
                    "retires_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="signs until"),
                ),
                (
                    "removed_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="removed at"),
                ),
            ],
            options={
                "verbose_name": "signing key",
                "verbose_name_plural": "signing keys",
                "ordering": ["-sequence"],
                "permissions": [
                    ("rotate_signingkey", "Can rotate signing keys"),
                    ("remove_signingkey", "Can remove signing keys"),
                ],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("api_key", "API key"), ("client_app", "client app")],
                        editable=False,
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "identifier",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=64, verbose_name="identifier"
                    ),
                ),
                (
                    "name",
                    token_exchange.models.secret_free_fields.SecretFreeCharField(
                        max_length=255, verbose_name="name"
                    ),
                ),
                (
                    "search_name",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Lower("name"),
                        output_field=models.CharField(max_length=255),
                    ),
                ),
                (
                    "subject_type",
                    models.CharField(
                        choices=[("organization", "Organization"), ("user", "User")],
                        default="organization",
                        editable=False,
                        max_length=12,
                        verbose_name="subject type",
                    ),
                ),
                (
                    "scopes",
                    token_exchange.models.secret_free_fields.SecretFreeJSONField(
                        blank=True,
                        default=list,
                        validators=[token_exchange.models.validators.validate_scopes],
                        verbose_name="scopes",
                    ),
                ),
                (
                    "audience",
                    token_exchange.models.secret_free_fields.SecretFreeJSONField(
                        blank=True,
                        default=list,
                        help_text="The services that accept its tokens. Leave empty for this service.",
                        validators=[token_exchange.models.validators.validate_audience],
                        verbose_name="audience",
                    ),
                ),
                (
                    "token_lifetime",
                    models.DurationField(
                        blank=True,
                        help_text="Lifetime of its tokens (HH:MM:SS). Leave empty for the organization's default. Auth tokens of 30 minutes or less are not reused.",
                        null=True,
                        validators=[token_exchange.models.validators.validate_lifetime],
                        verbose_name="token lifetime",
                    ),
                ),
                (
                    "allowed_networks",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="The networks it can be used from, in CIDR notation. Leave empty to allow all.",
                        validators=[token_exchange.models.validators.validate_networks],
                        verbose_name="allowed networks",
                    ),
                ),
                (
                    "secret_digest",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=64
                    ),
                ),
                (
                    "secret_issued_at",
                    models.DateTimeField(editable=False, verbose_name="secret issued at"),
                ),
                (
                    "previous_secret_digest",
                    token_exchange.models.exact_char_field.ExactCharField(  # type: ignore[misc]
                        editable=False, max_length=64, null=True
                    ),
                ),
                (
                    "previous_secret_expires_at",
                    models.DateTimeField(
                        editable=False, null=True, verbose_name="previous secret expires at"
                    ),
                ),
                (
                    "previous_secret_last_used_at",
                    models.DateTimeField(
                        editable=False, null=True, verbose_name="previous secret last used at"
                    ),
                ),
                (
                    "previous_secret_last_used_from",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=64,
                        verbose_name="previous secret last used from",
                    ),
                ),
                (
                    "previous_secret_warned_at",
                    models.DateTimeField(editable=False, null=True),
                ),
                ("secret_version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "previous_secret_mailed_at",
                    models.DateTimeField(editable=False, null=True),
                ),
                (
                    "generation",
                    models.PositiveIntegerField(
                        default=1, editable=False, verbose_name="generation"
                    ),
                ),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created at")),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
                ),
                (
                    "expiry_warned_at",
                    models.DateTimeField(editable=False, null=True),
                ),
                (
                    "end_mailed_at",
                    models.DateTimeField(editable=False, null=True),
                ),
                (
                    "revoked_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="revoked at"),
                ),
                (
                    "revocation_reason",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=255,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[^\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]*\\Z",
                                message="Control characters are not allowed.",
                            )
                        ],
                        verbose_name="revocation reason",
                    ),
                ),
                (
                    "revocation_cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("operator", "Operator"),
                            ("owner", "Owner"),
                            ("owner_deleted", "Owner deleted"),
                            ("leak", "Leak"),
                            ("descendant", "Created or rotated with another credential"),
                        ],
                        editable=False,
                        max_length=16,
                        verbose_name="revocation cause",
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="last used at"),
                ),
                (
                    "last_used_from",
                    models.CharField(
                        blank=True, editable=False, max_length=64, verbose_name="last used from"
                    ),
                ),
                (
                    "metadata",
                    token_exchange.models.secret_free_fields.SecretFreeJSONField(
                        blank=True,
                        default=dict,
                        validators=[token_exchange.models.validators.validate_metadata],
                        verbose_name="metadata",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="token_exchange_credentials",
                        to=ORGANIZATION_MODEL,
                        verbose_name="organization",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Tokens act as this user. Leave empty for an organization key.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="token_exchange_credentials",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="revoked by",
                    ),
                ),
            ],
            options={
                "verbose_name": "credential",
                "verbose_name_plural": "credentials",
                "base_manager_name": "objects",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "jti",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=22, verbose_name="jti"
                    ),
                ),
                (
                    "generation",
                    models.PositiveIntegerField(editable=False, verbose_name="generation"),
                ),
                ("secret_version", models.PositiveIntegerField(default=1, editable=False)),
                ("scope", models.TextField(blank=True, editable=False, verbose_name="scope")),
                ("audience", models.JSONField(editable=False, verbose_name="audience")),
                (
                    "kid",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=43, verbose_name="kid"
                    ),
                ),
                ("issued_at", models.DateTimeField(editable=False, verbose_name="issued at")),
                ("expires_at", models.DateTimeField(editable=False, verbose_name="expires at")),
                (
                    "revoked_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="revoked at"),
                ),
                ("signing_input", models.TextField(blank=True, editable=False)),
                (
                    "credential",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_tokens",
                        to="token_exchange.credential",
                        verbose_name="credential",
                    ),
                ),
            ],
            options={
                "verbose_name": "access token",
                "verbose_name_plural": "access tokens",
                "permissions": [("revoke_accesstoken", "Can revoke access token")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="APIKey",
            fields=[],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "permissions": [
                    ("rotate_apikey", "Can rotate API key"),
                    ("revoke_apikey", "Can revoke API key"),
                    (
                        "impersonate_apikey",
                        "Can issue, rotate and widen API keys that act as others",
                    ),
                ],
                "proxy": True,
                "default_permissions": ("add", "change", "view"),
                "indexes": [],
                "constraints": [],
            },
            bases=("token_exchange.credential",),
        ),
        migrations.CreateModel(
            name="ClientApp",
            fields=[],
            options={
                "verbose_name": "client app",
                "verbose_name_plural": "client apps",
                "permissions": [
                    ("rotate_clientapp", "Can rotate client app"),
                    ("revoke_clientapp", "Can revoke client app"),
                ],
                "proxy": True,
                "default_permissions": ("add", "change", "view"),
                "indexes": [],
                "constraints": [],
            },
            bases=("token_exchange.credential",),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.UniqueConstraint(
                fields=("identifier",), name="token_exchange_identifier"
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "api_key"), ("subject_type__in", ["organization", "user"])),
                    models.Q(("kind", "client_app"), ("subject_type", "organization")),
                    _connector="OR",
                ),
                name="token_exchange_credential_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(("subject_type", "user"), ("owner", None), _connector="OR"),
                name="token_exchange_credential_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("previous_secret_digest", None), ("previous_secret_expires_at", None)
                    ),
                    models.Q(
                        ("previous_secret_digest__isnull", False),
                        ("previous_secret_expires_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="token_exchange_previous_secret",
            ),
        ),
        migrations.AddIndex(
            model_name="accesstoken",
            index=models.Index(fields=["expires_at"], name="token_exchange_expiry"),
        ),
        migrations.AddIndex(
            model_name="accesstoken",
            index=models.Index(fields=["credential", "expires_at"], name="token_exchange_reuse"),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.UniqueConstraint(fields=("jti",), name="token_exchange_jti"),
        ),
        migrations.CreateModel(
            name="RevocationFeed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("epoch", models.CharField(editable=False, max_length=22)),
                ("position", models.PositiveBigIntegerField(editable=False)),
                ("mark", models.CharField(editable=False, max_length=22)),
            ],
            options={
                "verbose_name": "revocation feed",
                "verbose_name_plural": "revocation feeds",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RevocationFeedMark",
            fields=[
                (
                    "position",
                    models.PositiveBigIntegerField(
                        editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mark", models.CharField(editable=False, max_length=22)),
                ("drawn_at", models.DateTimeField(db_index=True, editable=False)),
            ],
            options={
                "verbose_name": "revocation feed mark",
                "verbose_name_plural": "revocation feed marks",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(editable=False, max_length=11, verbose_name="kind")),
                (
                    "subject",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=255, verbose_name="subject"
                    ),
                ),
                (
                    "generation",
                    models.PositiveIntegerField(
                        editable=False, null=True, verbose_name="generation"
                    ),
                ),
                (
                    "position",
                    models.PositiveBigIntegerField(
                        db_index=True, editable=False, verbose_name="position"
                    ),
                ),
                (
                    "expires_at",
                    models.DateTimeField(db_index=True, editable=False, verbose_name="expires at"),
                ),
            ],
            options={
                "verbose_name": "revocation",
                "verbose_name_plural": "revocations",
                "permissions": [
                    ("grant_revocations", "Can grant the scope token_exchange:revocations")
                ],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "subject"), name="token_exchange_revoked"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "occurred_at",
                    models.DateTimeField(db_index=True, editable=False, verbose_name="time"),
                ),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("credential.issued", "Credential issued"),
                            ("credential.changed", "Credential changed"),
                            ("credential.rotated", "Secret rotated"),
                            ("credential.compromised", "Rotated as compromised"),
                            ("credential.overlap_ended", "Overlap ended"),
                            ("credential.revoked", "Credential revoked"),
                            ("credential.tokens_invalidated", "All tokens revoked"),
                            ("token.revoked", "Token revoked"),
                            ("signing_key.published", "Signing key published"),
                            ("signing_key.removed", "Signing key removed"),
                            ("organization.created", "Organization created"),
                            ("organization.changed", "Organization changed"),
                            ("organization.deleted", "Organization deleted"),
                        ],
                        editable=False,
                        max_length=40,
                        verbose_name="event",
                    ),
                ),
                (
                    "target_type",
                    models.CharField(
                        choices=[
                            ("api_key", "API key"),
                            ("client_app", "Client app"),
                            ("access_token", "Access token"),
                            ("signing_key", "Signing key"),
                            ("organization", "Organization"),
                        ],
                        editable=False,
                        max_length=16,
                        verbose_name="target type",
                    ),
                ),
                (
                    "target",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False,
                        help_text="Identifier, jti or kid. For an organization, its primary key.",
                        max_length=255,
                        verbose_name="target",
                    ),
                ),
                (
                    "organization",
                    token_exchange.models.exact_char_field.ExactCharField(
                        blank=True,
                        editable=False,
                        help_text="Primary key of the organization that the target belongs to.",
                        max_length=255,
                        verbose_name="organization",
                    ),
                ),
                (
                    "actor_id",
                    token_exchange.models.exact_char_field.ExactCharField(
                        blank=True,
                        editable=False,
                        help_text="Primary key of the user who did it.",
                        max_length=255,
                        verbose_name="actor ID",
                    ),
                ),
                (
                    "actor",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Username of the user who did it. Empty if it wasn't a user.",
                        max_length=255,
                        verbose_name="actor",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="Network address of the request, or the command or task.",
                        max_length=255,
                        verbose_name="source",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, editable=False, max_length=255, verbose_name="reason"
                    ),
                ),
                (
                    "details",
                    models.JSONField(
                        blank=True, default=dict, editable=False, verbose_name="details"
                    ),
                ),
            ],
            options={
                "verbose_name": "audit event",
                "verbose_name_plural": "audit events",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="SecretOrigin",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "identifier",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=64
                    ),
                ),
                ("secret_version", models.PositiveIntegerField(editable=False)),
                (
                    "made_with",
                    token_exchange.models.exact_char_field.ExactCharField(
                        editable=False, max_length=64
                    ),
                ),
                ("made_with_version", models.PositiveIntegerField(editable=False)),
                (
                    "root",
                    token_exchange.models.exact_char_field.ExactCharField(
                        db_index=True, editable=False, max_length=64
                    ),
                ),
            ],
            options={
                "verbose_name": "origin of a secret",
                "verbose_name_plural": "origins of secrets",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("identifier", "secret_version"),
                        name="token_exchange_secret_origin",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HourlyCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(editable=False, verbose_name="hour")),
                (
                    "organization",
                    token_exchange.models.exact_char_field.ExactCharField(
                        blank=True, editable=False, max_length=255, verbose_name="organization"
                    ),
                ),
                (
                    "identifier",
                    token_exchange.models.exact_char_field.ExactCharField(
                        blank=True, editable=False, max_length=64, verbose_name="identifier"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(editable=False, max_length=40, verbose_name="outcome"),
                ),
                ("count", models.PositiveBigIntegerField(editable=False, verbose_name="count")),
            ],
            options={
                "verbose_name": "hourly count",
                "verbose_name_plural": "hourly counts",
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Dashboard",
            fields=[],
            options={
                "verbose_name": "dashboard",
                "verbose_name_plural": "dashboard",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("token_exchange.hourlycount",),
        ),
        migrations.AddIndex(
            model_name="accesstoken",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["revoked_at", "expires_at", "credential"],
                name="token_exchange_ended_tokens",
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(fields=["kind", "id"], name="token_exchange_kind"),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                fields=["kind", "subject_type", "id"], name="token_exchange_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(fields=["organization", "kind", "id"], name="token_exchange_tenant"),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("revoked_at", None)),
                fields=["kind", "id"],
                name="token_exchange_unrevoked",
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(fields=["kind", "search_name"], name="token_exchange_name"),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                fields=["kind", "search_name"],
                name="token_exchange_name_begins",
                opclasses=["varchar_pattern_ops", "varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("expires_at__isnull", False), ("revoked_at", None)),
                fields=["expires_at", "kind", "organization"],
                name="token_exchange_expiring",
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("previous_secret_expires_at__isnull", False)),
                fields=["previous_secret_expires_at", "kind", "organization"],
                name="token_exchange_rotating",
            ),
        ),
        migrations.AddIndex(
            model_name="credential",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["revoked_at", "kind", "organization"],
                name="token_exchange_ended",
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["target", "id"], name="token_exchange_audit_target"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["organization", "id"], name="token_exchange_audit_org"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["event", "id"], name="token_exchange_audit_event"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["target_type", "id"], name="token_exchange_audit_type"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["actor", "id"], name="token_exchange_audit_actor"),
        ),
        migrations.AddConstraint(
            model_name="hourlycount",
            constraint=models.UniqueConstraint(
                fields=("hour", "identifier", "organization", "outcome"),
                name="token_exchange_hourly_count",
            ),
        ),
    ]
