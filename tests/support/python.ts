/** The Python that the test runner installed the clients for. */
export function python(): string {
  const { KEYSTEAD_PYTHON } = process.env
  if (!KEYSTEAD_PYTHON) {
    throw new Error(
      'KEYSTEAD_PYTHON is not set: run `npm test`, or set it to "$(sh scripts/install-python.sh)/bin/python".',
    )
  }
  return KEYSTEAD_PYTHON
}
