// SPDX-License-Identifier: Apache-2.0
/** The simulator: a cloud for devices to talk to, on a laptop and in CI. */
export type { Authority, AuthorityOptions, Credential, DeviceOptions, IssueOptions, KeyType, ServerOptions } from "./authority.js";
export { createAuthority } from "./authority.js";
export type { Bridge, BridgeOptions } from "./bridge.js";
export { connectBridge } from "./bridge.js";
export type { BrokerOptions } from "./broker/broker.js";
export { Broker } from "./broker/broker.js";
export type { Client, Identity } from "./broker/client.js";
export type { AuthenticationStep, Authenticator, EndReason, Peer } from "./broker/connection.js";
export type { Acknowledgement, FaultScope, RestartOptions } from "./broker/faults.js";
export { Faults } from "./broker/faults.js";
export type { BrokerLimits, Message, Statistics } from "./broker/message.js";
export type { MessageProperties, UserProperties } from "./broker/properties.js";
export type { Refusal, RefusalDetail } from "./broker/reasons.js";
export type { CloudChannel } from "./channel.js";
export type { Cloud, CloudOptions, CloudServeOptions } from "./cloud.js";
export { createCloud } from "./cloud.js";
export type { DeviceIdentity } from "./identity.js";
export { IDENTITY_DOMAIN, identityValues, writeIdentity } from "./identity.js";
export type { ServeOptions, Server } from "./serve.js";
export { serve } from "./serve.js";
export type { JsonObject, JsonValue } from "./services/json.js";
export type { DeviceRecord } from "./services/registry.js";
export { isDeviceId, Registry } from "./services/registry.js";
export type { ShadowDocument, ShadowLimits } from "./services/shadow.js";
export { ShadowService } from "./services/shadow.js";
export type { WorldCloudOptions, WorldServeOptions } from "./world.js";
export { serveInWorld, WorldCloud } from "./world.js";
