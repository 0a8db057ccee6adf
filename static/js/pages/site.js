import { openSite } from "../site.js";

openSite();
