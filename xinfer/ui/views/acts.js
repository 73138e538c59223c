/* What can be done to a model that runs. */

import { enc, get, post, remove } from "/ui/core/api.js";
import { refresh } from "/ui/core/live.js";
import { confirm, failed, toast } from "/ui/core/overlay.js";

export async function terminate(uid) {
  const sure = await confirm(`Terminate ${uid}?`, "Its engines are stopped after the requests that they work on, and it is no longer served. Clients that ask for it get an error.", "Terminate");
  if (!sure) return false;
  try {
    await remove(`/v1/models/${enc(uid)}`);
    toast(`${uid} is being terminated.`, "good");
    await refresh();
    return true;
  } catch (error) {
    failed(error);
    return false;
  }
}

export async function cancel(uid) {
  try {
    await post(`/v1/models/${enc(uid)}/cancel`);
    toast(`The launch of ${uid} is cancelled.`, "good");
  } catch (error) {
    failed(error.missing ? new Error("This server cannot cancel a launch; terminate the model instead.") : error);
  }
  await refresh();
}

/** One replica more or less; the last one goes first. */
export async function scale({ id: uid }, step) {
  const path = `/v1/models/${enc(uid)}/replicas`;
  try {
    if (step > 0) await post(path, { replica: 1 });
    else await remove(`${path}/${Math.max(...(await get(path)).map((one) => one.replica_id))}`);
    toast(`${uid}: one replica ${step > 0 ? "more" : "less"}.`, "good");
  } catch (error) {
    failed(error.missing ? new Error("This server cannot change the replicas of a running model; change the recipe, or launch it again.") : error);
  }
  await refresh();
}
