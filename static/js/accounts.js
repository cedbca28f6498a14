/** Passkeys: asks the browser for one, and sends what it says with the form.
 *
 * A form with data-passkey="create" makes one, "get" shows one; its options stand in the JSON of
 * #passkey-options, or come from the form's address. The words for what can go wrong are the
 * form's data-failed and data-unable.
 */

async function optionsFor(form) {
  const given = document.getElementById("passkey-options");
  if (given) return JSON.parse(given.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("no options");
  return answer.json();
}

async function create(options) {
  const wish = options.creation_options;
  // Kept on the device and opened by finger, face or PIN: so it can sign in all by itself.
  Object.assign(wish.publicKey.authenticatorSelection, {
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  });
  return window.webauthnJSON.create(wish);
}

async function ask(form) {
  const options = await optionsFor(form);
  if (form.dataset.passkey === "create") return create(options);
  return window.webauthnJSON.get(options.request_options);
}

async function send(form) {
  const says = form.querySelector("[data-passkey-says]");
  const button = form.querySelector("button");
  says.textContent = "";
  button.disabled = true;
  try {
    form.elements.credential.value = JSON.stringify(await ask(form));
    form.submit();
  } catch {
    // The browser tells its own reason to the person; to us it deliberately says little.
    says.textContent = form.dataset.failed;
    button.disabled = false;
    button.focus();
  }
}

for (const note of document.querySelectorAll("[data-passkey-needs]")) note.remove();

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = false;
  if (!window.PublicKeyCredential) {
    form.querySelector("button").disabled = true;
    form.querySelector("[data-passkey-says]").textContent = form.dataset.unable;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

// Back from another page, the button must work again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("form[data-passkey] button")) button.disabled = false;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
