// SPDX-License-Identifier: Apache-2.0
/** Opens one of everything and closes it again; then nothing keeps the process alive. Argument: a port to connect to. */
import host from "../../../hosts/node/index.js";

const udp = new host.udp.io({});
const dns = new host.dns.io();
const repeat = host.timer.repeat(() => {}, 10);
const stream = new host.tcp.io({
	address: "127.0.0.1",
	port: Number(process.argv[2]),
	onWritable() {
		stream.close();
		udp.close();
		dns.close();
		host.timer.clear(repeat);
		host.timer.set(() => host.trace("the last timer"), 20);
	},
});
