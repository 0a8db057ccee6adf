import { bindDrawerButton } from "../playground/drawer_button.js";

bindDrawerButton();
