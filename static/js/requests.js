// Reading from the server beside the socket. A failure is an error with words for people; whoever
// asks decides where they are shown, and asks again.

export class RequestError extends Error {
  name = "RequestError";
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new RequestError("the server could not be reached");
  }
  if (!response.ok) throw new RequestError(`the server answered ${response.status}`);
  return response;
}

export const getJson = async (url) => (await ask(url)).json();

/** Null if there is nothing there. */
export async function getBytes(url) {
  const response = await ask(url);
  return response.status === 204 ? null : response.arrayBuffer();
}

export const post = (url, body) => ask(url, { method: "POST", body });
