// SPDX-License-Identifier: Apache-2.0
/** Runs on XS: Moddable's ECMA-419 MQTT client, connected and idle, on a network in memory; and ours on the like. */
import { Client } from "moorline/mqtt";
import { native } from "../../hosts/xs/native.js";
import { Memory } from "../bench/memory.js";
import { connect } from "../bench/moddable-network.js";
import { begin, end } from "./meter.js";
import host from "./xs-host.js";

const kept: { theirs: unknown; ours: unknown } = { theirs: undefined, ours: undefined };
const memory = new Memory();
const network = memory.host(host);

begin();
kept.theirs = connect(() => {});
native.collect();
end("Moddable's ECMA-419 client");
begin();
kept.ours = new Client({ host: network, server: { name: "broker", port: 1883 }, clientId: "bench" });
memory.connect();
native.collect();
end("our client, with its session");
(globalThis as unknown as { kept: unknown }).kept = kept;
host.trace("ready");
