import { bindAddress } from "../share.js";

bindAddress();
