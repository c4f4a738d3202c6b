// SPDX-License-Identifier: Apache-2.0
/** Our client against the simulator's broker, with clients that are not ours at the other end: MQTT 3.1.1 and 5. */
import { after } from "node:test";
import { Broker, serve } from "../../hosts/simulator/index.js";
import { playAll } from "./scenarios.js";

const server = await serve(new Broker(), { port: 0 });
after(() => server.close());
const port = server.port!;
const url = `mqtt://127.0.0.1:${port}`;
playAll({ name: "simulator, 3.1.1", port, url, qos: 2 });
playAll({ name: "simulator, 5", port, url, qos: 2, device: { protocol: 5 }, peer: { protocolVersion: 5 } });
