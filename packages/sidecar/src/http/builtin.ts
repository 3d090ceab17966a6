/**
 * Node's http module without its ES module face: importing that reads every export, which loads the whole of the
 * WebSocket and fetch implementation at start.
 */
export const http = process.getBuiltinModule('node:http')
