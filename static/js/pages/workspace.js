import { openWorkspace } from "../workspace.js";

openWorkspace();
