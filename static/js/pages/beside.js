import { openBeside } from "../playground/beside/page.js";

openBeside();
