// The address of a new link is selected at once, and copied by a button.
const field = document.querySelector("#address");
const button = document.querySelector("#copy-address");

if (field) {
  field.focus();
  field.select();
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}
