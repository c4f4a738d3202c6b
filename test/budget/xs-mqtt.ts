// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: the MQTT client on its own, connected and idle. */
import { Client } from "moorline/mqtt";
import host from "./xs-host.js";
import { native } from "../../hosts/xs/native.js";

new Client({
	host,
	server: { name: "127.0.0.1", port: Number(native.argument(1)) },
	clientId: "budget",
	onConnected: () => host.trace("ready"),
});
