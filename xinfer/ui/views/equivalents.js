/* One wish to launch as a request, a recipe, a command and a call of curl. */

/** The body of `POST /v1/models`. */
export function body(wish) {
  const request = { model_engine: wish.engine };
  request.model_name = wish.family ?? wish.uid;
  if (wish.uid && wish.uid !== request.model_name) request.model_uid = wish.uid;
  if (wish.kind !== "LLM") request.model_type = wish.kind;
  if (wish.size) request.model_size_in_billions = wish.size;
  if (wish.format) request.model_format = wish.format;
  if (wish.quantization && wish.quantization !== "none") request.quantization = wish.quantization;
  if (wish.source) request.source = wish.source;
  if (wish.replicas > 1) request.replica = wish.replicas;
  if (wish.gpus !== "auto") request.n_gpu = wish.gpus === "none" ? null : Number(wish.gpus);
  if (wish.node) request.worker_ip = wish.node;
  if (wish.hub) request.download_hub = wish.hub;
  return { ...request, ...(Object.keys(wish.options).length ? { engine_kwargs: wish.options } : {}) };
}

export function yaml(wish) {
  const lines = ["defaults: [base]", "models:", `  ${scalar(wish.uid || wish.family || "model")}:`, `    engine: ${wish.engine}`];
  const add = (name, value) => lines.push(`    ${name}: ${value}`);
  if (wish.kind !== "LLM") add("kind", wish.kind);
  if (wish.family && !wish.source) add("family", scalar(wish.family));
  if (wish.size) add("size", `"${String(wish.size).replace("_", ".")}"`);
  if (wish.format) add("format", wish.format);
  if (wish.quantization && wish.quantization !== "none") add("quantization", scalar(wish.quantization));
  if (wish.source) add("source", flow(wish.source));
  if (wish.replicas > 1) add("replicas", wish.replicas);
  if (wish.gpus !== "auto") add("n_gpu", wish.gpus === "none" ? "null" : wish.gpus);
  if (wish.node) add("node", scalar(wish.node));
  const options = Object.entries(wish.options);
  if (options.length) {
    lines.push("    engine_kwargs:");
    for (const [name, value] of options) lines.push(`      ${name}: ${scalar(value)}`);
  }
  return lines.join("\n");
}

export function cli(wish) {
  const words = ["xinfer launch", `-n ${shell(wish.family ?? wish.uid)}`, `-en ${shell(wish.engine)}`];
  if (wish.family && wish.uid && wish.uid !== wish.family) words.push(`-u ${shell(wish.uid)}`);
  if (wish.kind !== "LLM") words.push(`-t ${wish.kind}`);
  if (wish.size) words.push(`-s ${shell(wish.size)}`);
  if (wish.format) words.push(`-f ${shell(wish.format)}`);
  if (wish.quantization && wish.quantization !== "none") words.push(`-q ${shell(wish.quantization)}`);
  for (const [hub, ref] of Object.entries(wish.source ?? {})) if (hub !== "files" && hub !== "revision") words.push(`--source ${shell(`${hub}:${ref}`)}`);
  if (wish.replicas > 1) words.push(`-r ${wish.replicas}`);
  if (wish.gpus !== "auto") words.push(`--n-gpu ${wish.gpus}`);
  if (wish.node) words.push(`--worker-ip ${shell(wish.node)}`);
  for (const [name, value] of Object.entries(wish.options)) words.push(`--${name} ${shell(typeof value === "object" ? JSON.stringify(value) : value)}`);
  return words.join(" \\\n  ");
}

export function curl(wish, bearer) {
  const lines = [`curl ${location.origin}/v1/models`, "-H 'Content-Type: application/json'"];
  if (bearer) lines.push('-H "Authorization: Bearer $XINFER_API_KEY"');
  lines.push(`-d ${shell(JSON.stringify(body(wish), null, 2))}`);
  return lines.join(" \\\n  ");
}

function flow(value) {
  return `{${Object.entries(value).map(([name, each]) => `${name}: ${scalar(each)}`).join(", ")}}`;
}

const PLAIN = /^[A-Za-z_/][\w./-]*$/;
const WORDS = new Set(["true", "false", "null", "yes", "no", "on", "off"]);

function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  return PLAIN.test(value) && !WORDS.has(value.toLowerCase()) ? value : JSON.stringify(value);
}

function shell(value) {
  const text = String(value);
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
