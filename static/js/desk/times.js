/**
 * Between the grid and the clock. The grid counts in the spa's wall clock, whatever zone this
 * computer is in; the server wants instants.
 */

let ahead = 0;

/** Go by the server's clock, whose time is `text`, however wrong this computer's may be. */
export function setClock(text) {
  ahead = Date.parse(text) - Date.now();
}

/** The present, in milliseconds. */
export function present() {
  return Date.now() + ahead;
}

const two = (number) => String(number).padStart(2, "0");

/** The wall clock of a date that the grid handed out, such as `2026-11-24T10:00`. */
export function wallClock(date) {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The instant at which the clocks of `zone` show `wall`: `2026-11-24T10:00Z`. */
export function instantOf(wall, zone) {
  const asUtc = Date.parse(`${wall}Z`);
  const guess = asUtc - offsetAt(asUtc, zone);
  const instant = asUtc - offsetAt(guess, zone);
  return `${new Date(instant).toISOString().slice(0, 16)}Z`;
}

/** `10:42` on the clocks of `zone`. */
export function clockIn(zone, date = present()) {
  const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat("en-GB", parts).format(date);
}

/** What the clocks of `zone` show at the present, such as `2026-11-24T10:42`. */
export function wallClockIn(zone) {
  const now = present();
  return new Date(now + offsetAt(now, zone)).toISOString().slice(0, 16);
}

export function minutesBetween(start, end) {
  return Math.round((end - start) / 60000);
}

/** How far the clocks of `zone` are ahead of UTC at an instant, in milliseconds. */
function offsetAt(instant, zone) {
  const numeric = { year: "numeric", month: "numeric", day: "numeric" };
  const clock = { hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat("en-GB", { ...numeric, ...clock, timeZone: zone });
  const part = Object.fromEntries(format.formatToParts(instant).map((one) => [one.type, one.value]));
  const shown = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return shown - Math.floor(instant / 1000) * 1000;
}
