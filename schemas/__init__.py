"""The language of Calipso: events, their Avro schemas, the codec, redaction and the error tree."""
