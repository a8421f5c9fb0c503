/** The two questions that the page asks: for a token, and whether something is really to be done. */

import { byId, text } from "./dom.js";

/**
 * Ask for a token; null if the question was put aside.
 *
 * @param {string|null} refused what was said of the one before
 * @returns {Promise<string|null>}
 */
export function askForToken(refused) {
  const dialog = byId("token-dialog", HTMLDialogElement);
  const input = byId("token-input", HTMLInputElement);
  const error = byId("token-error", HTMLElement);
  error.hidden = refused === null;
  text(error, refused ?? "");
  input.value = "";
  return ask(dialog, byId("token-form", HTMLFormElement), () => {
    const given = input.value.trim();
    input.value = "";
    return given || null;
  });
}

/**
 * @typedef {Object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} yes what the button says that does it
 * @property {HTMLElement[]} [fields] what else is to be said
 */

/**
 * Ask whether something is to be done.
 *
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export async function confirmed(question) {
  const dialog = byId("confirm-dialog", HTMLDialogElement);
  text(byId("confirm-title", HTMLElement), question.title);
  text(byId("confirm-text", HTMLElement), question.text);
  text(byId("confirm-yes", HTMLElement), question.yes);
  byId("confirm-fields", HTMLElement).replaceChildren(...(question.fields ?? []));
  byId("confirm-no", HTMLButtonElement).onclick = () => dialog.close();
  return (await ask(dialog, byId("confirm-form", HTMLFormElement), () => true)) ?? false;
}

/**
 * @template T
 * @param {HTMLDialogElement} dialog
 * @param {HTMLFormElement} form
 * @param {() => T} read what is answered when the form is sent
 * @returns {Promise<T|null>}
 */
function ask(dialog, form, read) {
  return new Promise((resolve) => {
    /** @type {T|null} */
    let answer = null;
    form.onsubmit = (event) => {
      event.preventDefault();
      answer = read();
      dialog.close();
    };
    dialog.onclose = () => resolve(answer);
    if (!dialog.open) dialog.showModal();
  });
}
