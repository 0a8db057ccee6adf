import { openLesson } from "../lessons/player.js";

openLesson();
