// What the form view of the template editor takes of the reader of YAML: trees whose nodes know their place in the text.

export { isMap, isScalar, isSeq, parseDocument } from "yaml";
