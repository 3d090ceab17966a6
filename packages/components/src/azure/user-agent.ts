/** How the Azure components name themselves to Azure. */

/** azcore's application id; daprd sends `dapr-` with its version. */
export const userAgentPrefix = 'dapr-keystead'
