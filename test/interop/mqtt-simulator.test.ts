// SPDX-License-Identifier: Apache-2.0
/** Our client against the simulator's broker, with clients that are not ours at the other end: MQTT 3.1.1 and 5. */
import { after } from "node:test";
import { Broker, serve } from "../../hosts/simulator/index.js";
import { playAll } from "./scenarios.js";

const server = await serve(new Broker({ limits: { packetMaximum: 2 * 2 ** 20 } }), { port: 0, webSocketPort: 0 });
after(() => server.close());
const url = `mqtt://127.0.0.1:${server.port!}`;
playAll({ name: "simulator, 3.1.1", port: server.port!, url, qos: 2 });
playAll({ name: "simulator, 5", port: server.port!, url, qos: 2, device: { protocol: 5 }, peer: { protocolVersion: 5 } });
playAll({
	name: "simulator, 5 over WebSocket", port: server.webSocketPort!, url: `ws://127.0.0.1:${server.webSocketPort!}/mqtt`, qos: 2,
	device: { protocol: 5, websocket: "/mqtt" }, peer: { protocolVersion: 5 },
});
