import { playShowcase } from "../showcase.js";

playShowcase();
