import type { Host } from "../../src/host.js";
declare const host: Host;
export default host;
