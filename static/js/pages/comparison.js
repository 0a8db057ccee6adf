import { openComparison } from "../comparison.js";

openComparison();
