// What every page starts. `live` is the page's one connection to the server (null when nobody is signed in).

import { startConfirming } from "./dialog.js";
import { startMenus } from "./menus.js";

startMenus();
startConfirming();
