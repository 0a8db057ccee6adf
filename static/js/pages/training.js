import { openTraining } from "../playground/training/page.js";

openTraining();
