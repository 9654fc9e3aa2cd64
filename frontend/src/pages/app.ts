// Every page: the look, the frame, and small help for forms and lists that work without it.
import "../styles/app.css";
import { connectionBanner } from "../frame/connection";
import { installButton } from "../frame/install";
import { clearOnLeaving } from "../frame/leave";
import { siteMemory } from "../frame/sites";
import { themeChoice } from "../frame/theme";
import { paletteKeys } from "../palette/open";
import { agoTimes } from "../parts/ago";
import { copyButtons } from "../parts/copy";
import { dialogs } from "../parts/dialog";
import { submitOnce } from "../parts/forms";
import { sortableTables } from "../parts/sort";
import { servedToasts } from "../parts/toast";
import { serviceWorker } from "../sw/register";

copyButtons();
submitOnce();
agoTimes();
dialogs();
sortableTables();
servedToasts();
themeChoice();
siteMemory();
clearOnLeaving();
connectionBanner();
installButton();
paletteKeys();
serviceWorker();
