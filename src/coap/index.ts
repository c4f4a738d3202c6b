// SPDX-License-Identifier: Apache-2.0
/** CoAP on its own, for programs that speak to a server without a cloud, or are one. */
export { Oscore, type OSCOREHost, type OSCOREOptions } from "../oscore/oscore.js";
export { decodeParameters, encodeParameters, type OSCOREParameters } from "../oscore/parameters.js";
export { CoAPClient, type CoAPClientOptions, type CoAPServerAddress, type Transport } from "./client.js";
export { Code, codeText, ContentFormat, OptionNumber } from "./constants.js";
export { parseLinks, type Attribute, type Link } from "./link-format.js";
export type { PresharedKey } from "./line.js";
export { uintOf } from "./message.js";
export type { Answerer } from "./messenger.js";
export { findOption, textOption, uintOption, type Option } from "./option.js";
export type { Cancelable, ObservationOwner, Requester, RequestOptions, RequestOwner, Response } from "./request.js";
export type { Replier, Resource, ResourceRequest, ResourceResponse } from "./resource.js";
export { Resources, type ResourcesOptions } from "./resources.js";
export type { Security } from "./security.js";
export { CoAPServer, type CoAPServerOptions } from "./server.js";
export { formatURI, parseURI, uriOptions, type CoAPURI } from "./uri.js";
