// The button in the header: fetches the drawer when it is first opened, on whatever page.
import { $, element } from "../dom.js";
import { toast } from "../toasts.js";

async function fetched(button) {
  const answer = await fetch(button.dataset.drawer, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const root = element("div", "", "drawer");
  root.id = "drawer";
  root.innerHTML = await answer.text();
  document.body.append(root);
  const { Drawer } = await import("./drawer.js");
  const drawer = new Drawer(root, button);
  root.getBoundingClientRect(); // so that it slides in the first time too
  return drawer;
}

export function bindDrawerButton() {
  const button = $("[data-drawer]");
  let opening = null; // so that two presses open one
  button?.addEventListener("click", async () => {
    try {
      opening ??= fetched(button);
      (await opening).toggle();
    } catch (error) {
      opening = null;
      toast("error", `The playground could not be opened: ${error.message}.`);
    }
  });
}
