import { openConversation } from "../playground/conversation.js";

openConversation();
