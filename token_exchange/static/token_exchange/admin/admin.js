"use strict";
// Copy buttons, forms that are submitted once, custom preset inputs, and secrets that are cleared on leaving.
{
    const select = function(element) {
        const range = document.createRange();
        range.selectNodeContents(element);
        const selection = window.getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
    };

    const copy = async function(button) {
        const value = document.getElementById(button.dataset.teCopy);
        const status = button.parentElement.querySelector(".te-status");
        select(value);
        try {
            // The clipboard is not available over plain HTTP.
            await navigator.clipboard.writeText(value.textContent);
            status.textContent = button.dataset.teDone;
        } catch {
            status.textContent = button.dataset.teFailed;
        }
    };

    document.addEventListener("click", function(event) {
        const button = event.target.closest("[data-te-copy]");
        if (button) {
            copy(button);
        }
    });

    // A double click would submit the form twice, and the second response would hide the secret.
    const submitOnceButton = (form) => [...form.elements].find((each) => each.matches("[data-te-once]"));

    document.addEventListener("submit", function(event) {
        const button = submitOnceButton(event.target);
        if (button && event.target.dataset.teSent) {
            event.preventDefault();
        } else if (button) {
            event.target.dataset.teSent = "yes";
            button.setAttribute("aria-disabled", "true");
        }
    });

    // The admin's autocomplete does not name its field to screen readers.
    const nameAutocompletes = function() {
        document.querySelectorAll("select.admin-autocomplete[id]").forEach(function(select) {
            const label = document.querySelector(`label[for="${select.id}"]`);
            const selection = select.parentElement.querySelector(".select2-selection");
            if (label && selection) {
                const chosen = selection.querySelector(".select2-selection__rendered");
                label.id = label.id || `${select.id}_label`;
                chosen.setAttribute("aria-labelledby", label.id);
                selection.setAttribute("aria-labelledby", `${label.id} ${chosen.id}`);
            }
        });
    };

    // jQuery creates the autocompletes in a task that was queued before this one.
    window.addEventListener("load", () => setTimeout(nameAutocompletes));

    // The custom inputs are visible and submitted only while the last choice is selected.
    const showCustom = function(preset) {
        const chosen = preset.querySelector("select, input:checked");
        const custom = preset.querySelector(".te-custom");
        custom.hidden = !chosen || chosen.value !== "custom";
        custom.querySelectorAll("input, select").forEach(function(input) {
            input.disabled = custom.hidden;
        });
    };

    document.addEventListener("DOMContentLoaded", function() {
        document.querySelectorAll("[data-te-preset]").forEach(function(preset) {
            preset.addEventListener("change", () => showCustom(preset));
            showCustom(preset);
        });
    });

    window.addEventListener("pagehide", function() {
        document.querySelectorAll(".te-forget").forEach((value) => value.replaceChildren());
    });

    window.addEventListener("pageshow", function() {
        document.querySelectorAll("form[data-te-sent]").forEach(function(form) {
            delete form.dataset.teSent;
            submitOnceButton(form).removeAttribute("aria-disabled");
        });
    });
}
