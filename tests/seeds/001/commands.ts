/** The seed's commands, as written but for the names that it leaves open. */
import { filled } from '../seed.ts'

export const assignRole = filled(
  `
az role assignment create \\
    --role "Storage Queue Data Contributor" \\
    --assignee $PRINCIPAL_ID \\
    --scope "/subscriptions/<subscription>/resourceGroups/<resource-group>/providers/Microsoft.Storage/storageAccounts/<storage-account>/queueServices/default/queues/<queue>"
`,
  {
    subscription: '$AZURE_SUBSCRIPTION_ID',
    'resource-group': 'my-resource-group',
    'storage-account': 'myqueueaccount',
    queue: 'myqueue',
  },
)
