"use strict";
// Copying, forms that are sent once, inputs that fit the choice, and pages that forget when left.
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
            // There is no clipboard on a page that came over plain http.
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

    // A double click would send the form twice, and its second answer would hide the secret.
    const onceButton = (form) => [...form.elements].find((each) => each.matches("[data-te-once]"));

    document.addEventListener("submit", function(event) {
        const button = onceButton(event.target);
        if (button && event.target.dataset.teSent) {
            event.preventDefault();
        } else if (button) {
            event.target.dataset.teSent = "yes";
            button.setAttribute("aria-disabled", "true");
        }
    });

    // The admin's search for another row does not tell a screen reader what it is for.
    const nameSearches = function() {
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

    // jQuery makes the searches in a turn of its own, which was asked for before this one.
    window.addEventListener("load", () => setTimeout(nameSearches));

    // What is typed only for the last choice is there, and sent, only while that is chosen.
    const fit = function(preset) {
        const chosen = preset.querySelector("select, input:checked");
        const custom = preset.querySelector(".te-custom");
        custom.hidden = !chosen || chosen.value !== "custom";
        custom.querySelectorAll("input, select").forEach(function(input) {
            input.disabled = custom.hidden;
        });
    };

    document.addEventListener("DOMContentLoaded", function() {
        document.querySelectorAll("[data-te-preset]").forEach(function(preset) {
            preset.addEventListener("change", () => fit(preset));
            fit(preset);
        });
    });

    window.addEventListener("pagehide", function() {
        document.querySelectorAll(".te-forget").forEach((value) => value.replaceChildren());
    });

    window.addEventListener("pageshow", function() {
        document.querySelectorAll("form[data-te-sent]").forEach(function(form) {
            delete form.dataset.teSent;
            onceButton(form).removeAttribute("aria-disabled");
        });
    });
}
