/** A tool that the model may call. What `call` returns goes back to the model as text. */
export type Tool = {
  name: string
  description: string
  input_schema: { type: 'object'; [name: string]: unknown }
  call: (args: unknown) => Promise<{ text: string; error?: boolean }>
}
