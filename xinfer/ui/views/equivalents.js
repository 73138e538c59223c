/* One wish to launch as a request, a recipe, a command and a call of curl. */

/** Where the command looks when nobody says where. */
const USUAL = "http://127.0.0.1:9997";
/** Text that neither YAML nor the command takes for something else, nor the shell. */
const PLAIN = /^[A-Za-z_/][\w./-]*$/;
const WORDS = new Set(["true", "false", "null", "none", "yes", "no", "on", "off", "inf", "nan"]);
/** Options of engines that are called like one of the command's own. */
const OWN = new Set(["quantization", "memory", "source", "env", "trust_remote_code", "context_length", "output"]);

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

/** A recipe of one's own, with the command that serves it. */
export function yaml(wish) {
  const uid = wish.uid || wish.family || "model";
  const lines = [`# xinfer-up ${shell(`${uid.replaceAll("/", "-")}.yaml`)}`, "defaults: [base]", "models:", `  ${scalar(uid)}:`, `    engine: ${wish.engine}`];
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
  if (location.origin !== USUAL) words.push(`-e ${location.origin}`);
  if (wish.family && wish.uid && wish.uid !== wish.family) words.push(`-u ${shell(wish.uid)}`);
  if (wish.kind !== "LLM") words.push(`-t ${wish.kind}`);
  if (wish.size) words.push(`-s ${shell(wish.size)}`);
  if (wish.format) words.push(`-f ${shell(wish.format)}`);
  if (wish.quantization && wish.quantization !== "none") words.push(`-q ${shell(wish.quantization)}`);
  for (const [hub, ref] of Object.entries(wish.source ?? {})) words.push(hub === "files" ? `--files ${shell(ref)}` : `--source ${shell(`${hub}:${ref}`)}`);
  if (wish.replicas > 1) words.push(`-r ${wish.replicas}`);
  if (wish.gpus !== "auto") words.push(`--n-gpu ${wish.gpus}`);
  if (wish.node) words.push(`--worker-ip ${shell(wish.node)}`);
  if (wish.hub) words.push(`--download_hub ${wish.hub}`);
  return [...words, ...optionWords(wish.options)].join(" \\\n  ");
}

/** Each option as a word of its own where the command reads it so, the others as JSON. */
function optionWords(given) {
  const all = Object.entries(given);
  const clear = all.filter(([name, value]) => !OWN.has(name) && unmistakable(value));
  const rest = all.filter((each) => !clear.includes(each));
  const words = clear.map(([name, value]) => `--${name} ${value}`);
  return rest.length ? [...words, `--engine-kwargs ${shell(JSON.stringify(Object.fromEntries(rest)))}`] : words;
}

function unmistakable(value) {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return typeof value === "string" && PLAIN.test(value) && !WORDS.has(value.toLowerCase());
}

export function curl(wish, bearer) {
  const lines = [`curl ${location.origin}/v1/models`, "-H 'Content-Type: application/json'"];
  if (bearer) lines.push('-H "Authorization: Bearer $XINFER_API_KEY"');
  lines.push(`-d ${shell(JSON.stringify(body(wish), null, 2))}`);
  return lines.join(" \\\n  ");
}

function flow(source) {
  return `{${Object.entries(source).map(([name, each]) => `${name}: ${scalar(name === "files" ? [each] : each)}`).join(", ")}}`;
}


function scalar(value) {
  if (typeof value === "string" && PLAIN.test(value) && !WORDS.has(value.toLowerCase())) return value;
  // JSON is YAML; a recipe replaces ${…} unless it is escaped.
  return JSON.stringify(value).replaceAll("${", "\\\\${");
}

function shell(value) {
  const text = String(value);
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
