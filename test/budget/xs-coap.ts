// SPDX-License-Identifier: Apache-2.0
/**
 * Runs on XS: the CoAP client on its own, over UDP. It observes a resource; whenever that changes, it gets a long
 * representation in blocks.
 */
import { Code, CoAPClient, type ObservationOwner, type RequestOwner } from "moorline/coap";
import host from "./xs-host.js";
import { native } from "../../hosts/xs/native.js";

const client = new CoAPClient({ host, server: { transport: "udp", name: "127.0.0.1", port: Number(native.argument(1)) } });
const length = Number(native.argument(2));

const transfer: RequestOwner = {
	onResponse({ payload }) {
		if (payload.byteLength !== length) throw new Error(`${payload.byteLength} bytes`);
		host.trace("ready");
	},
	onError(error) { throw error; },
};
let isFirst = true;
const observer: ObservationOwner = {
	onNotification() {
		if (isFirst) host.trace("ready");
		else client.request({ code: Code.GET, path: "file" }, transfer);
		isFirst = false;
	},
	onEnded(error) { throw error; },
};
client.observe({ code: Code.GET, path: "state" }, observer);
