/**
 * Keeps an open calendar up to date: asks every three seconds whether anything changed.
 *
 * It asks conditionally (`If-None-Match`), so the usual answer is an empty 304. A hidden tab does
 * not ask; a connection that is lost is tried again ever more slowly, for at most half a minute;
 * while something is dragged nothing is shown that would move under the pointer.
 */

import { present } from "./times.js";

const EVERY = 3_000;
const SLOWEST = 30_000;

export class Live {
  /** `onChange(diary)` gets what is new; `onState(state)` "live", "offline" or "ended". */
  constructor({ onChange, onState }) {
    this.onChange = onChange;
    this.onState = onState;
    this.held = 0;
    this.failures = 0;
    this.turn = 0;
    this.seenAt = present();
    document.addEventListener("visibilitychange", () => !document.hidden && this.now());
    addEventListener("online", () => this.now());
    addEventListener("pageshow", (event) => event.persisted && this.now());
  }

  /** From now on look at `url`, of which `etag` is shown. */
  watch(url, etag) {
    this.url = url;
    this.etag = etag;
    this.seenAt = present();
    this.turn += 1;
    // Where the page came from somebody is signed in, again or still.
    this.become("live");
    this.later();
  }

  /** Show nothing new until the function that is returned is called. */
  hold() {
    this.held += 1;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.held -= 1;
      if (!this.held) this.now();
    };
  }

  now() {
    clearTimeout(this.timer);
    return this.ask();
  }

  later() {
    clearTimeout(this.timer);
    const wait = Math.min(EVERY * 2 ** this.failures, SLOWEST);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  async ask() {
    if (document.hidden || this.held || !this.url || this.state === "ended") return;
    const turn = (this.turn += 1);
    const answer = await this.look();
    if (turn !== this.turn) return;
    try {
      if (answer) this.take(answer);
      else this.fail();
    } finally {
      if (this.state !== "ended") this.later();
    }
  }

  /** What the server says, with its diary where that is new; nothing where it cannot be reached. */
  async look() {
    try {
      const answer = await fetch(this.url, {
        headers: { "If-None-Match": this.etag },
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.timeout(10_000),
      });
      return { answer, diary: answer.ok ? await answer.json() : null };
    } catch {
      return null;
    }
  }

  take({ answer, diary }) {
    // The login, or a person who no longer works at the desk.
    if (answer.type === "opaqueredirect" || answer.status === 403) return this.become("ended");
    if (answer.status !== 304 && !answer.ok) return this.fail();
    if (diary) {
      if (this.held) return;
      this.etag = diary.etag;
      this.onChange(diary);
    }
    this.failures = 0;
    this.seenAt = present();
    this.become("live");
  }

  fail() {
    this.failures += 1;
    this.become("offline");
  }

  become(state) {
    this.state = state;
    this.onState(state);
  }
}
