// SPDX-License-Identifier: Apache-2.0
/** Our client against aedes, in this process: MQTT 3.1.1. */
import { after } from "node:test";
import { createServer, type AddressInfo } from "node:net";
import { Aedes } from "aedes";
import { playAll } from "./scenarios.js";

const aedes = await Aedes.createBroker();
const server = createServer({ noDelay: true }, aedes.handle);
await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
after(() => {
	server.close();
	aedes.close();
});
const { port } = server.address() as AddressInfo;
playAll({ name: "aedes, 3.1.1", port, url: `mqtt://127.0.0.1:${port}`, qos: 2 });
