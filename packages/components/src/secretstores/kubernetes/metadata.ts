/** The metadata fields of secretstores.kubernetes. */
import type { ComponentDeclaration } from '../../component-declaration.ts'

export const declaration = {
  type: 'secretstores.kubernetes',
  versions: ['v1'],
  title: 'Kubernetes',
  fields: {
    defaultNamespace: {
      type: 'string',
      description: 'Namespace where neither the request nor the variable NAMESPACE names one.',
    },
    kubeconfigPath: {
      type: 'string',
      description: 'Path of the kubeconfig file outside a cluster; else KUBECONFIG, else ~/.kube/config.',
    },
  },
} as const satisfies ComponentDeclaration
