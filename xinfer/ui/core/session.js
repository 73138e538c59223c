/* Who one is: a key or a token of this tab, kept until it closes. */

const PLACE = "xinfer.session";
let session = read();
const leavers = new Set();

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  } catch {
    return null;
  }
}

export function credential() {
  return session?.bearer ?? null;
}

export function refreshToken() {
  return session?.refresh ?? null;
}

export function signIn(bearer, refresh = null) {
  session = { bearer, refresh };
  sessionStorage.setItem(PLACE, JSON.stringify(session));
}

export function signOut() {
  session = null;
  sessionStorage.removeItem(PLACE);
  for (const leave of leavers) leave();
}

let granted = null;

/** What this caller may do; null: everything, as far as one knows here. */
export function grant(scopes) {
  granted = scopes && new Set(scopes);
}

/** Whether it is worth offering; the server decides. */
export function may(scope) {
  return !granted || granted.has(scope) || granted.has("admin");
}

/** Call `leave` when nobody is signed in any more. */
export function whenSignedOut(leave) {
  leavers.add(leave);
}
