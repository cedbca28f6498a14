/** Counts down the time for which a chosen appointment is held, and says so politely. */

const ANNOUNCED_MINUTES = [5, 2, 1];
const SECOND = 1000;

export function clockText(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

export function secondsUntil(expires, now) {
  return Math.max(0, Math.ceil((expires - now) / SECOND));
}

function announcement(hold, minutes) {
  if (minutes === 1) return hold.dataset.minuteLeft;
  return hold.dataset.minutesLeft.replace("%s", String(minutes));
}

function showOver(hold) {
  hold.classList.add("hold--over");
  hold.querySelector("[data-hold-running]").hidden = true;
  const over = hold.querySelector("[data-hold-over]");
  over.hidden = false;
  hold.querySelector("[data-hold-news]").textContent = over.textContent.trim();
}

export function startHold(hold) {
  const expires = Date.parse(hold.dataset.expires);
  const clock = hold.querySelector("[data-hold-clock]");
  const news = hold.querySelector("[data-hold-news]");
  const pending = new Set(ANNOUNCED_MINUTES);
  const first = secondsUntil(expires, Date.now());
  for (const minutes of ANNOUNCED_MINUTES) if (first < minutes * 60) pending.delete(minutes);

  function tick() {
    const seconds = secondsUntil(expires, Date.now());
    if (seconds === 0) {
      window.clearInterval(timer);
      showOver(hold);
      return;
    }
    clock.textContent = clockText(seconds);
    // Several marks may pass at once in a tab that slept; only the latest is worth saying.
    const passed = [...pending].filter((minutes) => seconds <= minutes * 60);
    for (const minutes of passed) pending.delete(minutes);
    if (passed.length) news.textContent = announcement(hold, Math.min(...passed));
  }

  const timer = window.setInterval(tick, SECOND);
  tick();
}

for (const hold of document.querySelectorAll("[data-hold]")) startHold(hold);
