// The button in the header: fetches the drawer when it is first opened, on whatever page.
const button = document.querySelector("[data-drawer]");
let drawer = null;

async function open() {
  if (!drawer) {
    const answer = await fetch(button.dataset.drawer, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const root = document.createElement("div");
    root.className = "drawer";
    root.id = "drawer";
    root.innerHTML = await answer.text();
    document.body.append(root);
    const { Drawer } = await import("./drawer.js");
    drawer = new Drawer(root, button);
    root.getBoundingClientRect(); // so that it slides in the first time too
  }
  drawer.toggle();
}

button?.addEventListener("click", () =>
  open().catch(async (error) => {
    const { toast } = await import("../toasts.js");
    toast("error", `The playground could not be opened: ${error.message}.`);
  }),
);
