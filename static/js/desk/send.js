/** Sends changes to the server. */

const token = document.querySelector("#csrf input").value;

/**
 * Post to `url`; resolves to `{ status, data }`, with status 0 where there was no connection and
 * 403 where the person is no longer signed in.
 */
export async function post(url, sent) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRFToken": token, Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(sent),
      redirect: "manual",
    });
    if (answer.type === "opaqueredirect") return { status: 403, data: {} };
    const isJson = answer.headers.get("Content-Type")?.includes("json");
    return { status: answer.status, data: isJson ? await answer.json() : {} };
  } catch {
    return { status: 0, data: {} };
  }
}
