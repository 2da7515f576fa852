"use strict";
// Copying what is shown once, forms that are sent once, and pages that forget when they are left.
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
    document.addEventListener("submit", function(event) {
        const button = event.target.querySelector("[data-te-once]");
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

    window.addEventListener("pagehide", function() {
        document.querySelectorAll(".te-value").forEach((value) => value.replaceChildren());
    });

    window.addEventListener("pageshow", function() {
        document.querySelectorAll("form[data-te-sent]").forEach(function(form) {
            delete form.dataset.teSent;
            form.querySelector("[data-te-once]").removeAttribute("aria-disabled");
        });
    });
}
