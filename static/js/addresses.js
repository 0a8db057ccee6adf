// Where the site begins: its modules lie at …/static/js/, wherever a proxy has put it.
const ROOT = new URL("../../", import.meta.url).pathname;

/** The address of a path of the site, which begins with a slash. */
export const at = (path) => ROOT + path.slice(1);
