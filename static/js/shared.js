// The pages behind a share link: no session and no live connection, only what makes them read well.

import "./reveal-password.js";
import { tellTimeZone } from "./time-zone.js";

tellTimeZone();
