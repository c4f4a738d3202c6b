// SPDX-License-Identifier: Apache-2.0
/** Our client against aedes, in this process: MQTT 3.1.1 over TCP, and over the WebSocket server of `ws`. */
import { createServer as createHTTPServer } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { after } from "node:test";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";
import { playAll } from "./scenarios.js";

async function listen(server: Server): Promise<number> {
	await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
	after(() => { server.close(); });
	return (server.address() as AddressInfo).port;
}

const aedes = await Aedes.createBroker();
const port = await listen(createServer({ noDelay: true }, aedes.handle));
playAll({ name: "aedes, 3.1.1", port, url: `mqtt://127.0.0.1:${port}`, qos: 2 });

const http = createHTTPServer();
const websockets = new WebSocketServer({ server: http, path: "/mqtt" });
websockets.on("connection", (socket, request) => { aedes.handle(createWebSocketStream(socket), request); });
const websocketPort = await listen(http);
playAll({
	name: "aedes, 3.1.1 over the WebSocket of ws", port: websocketPort, url: `ws://127.0.0.1:${websocketPort}/mqtt`, qos: 2,
	device: { websocket: "/mqtt" },
});
after(() => { aedes.close(); });
