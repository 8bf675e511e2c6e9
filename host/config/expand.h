// ${env:NAME} and ${file:PATH} in the texts of a document.
// Thread safety: reads the environment of the process, which must not change meanwhile. Ownership: none.
#pragma once

#include <string>
#include <vector>

#include "host/config/yaml.h"

namespace tidegate {

// Expands every text of the document in place; keys stay. What comes out is text and nothing else: it is
// neither expanded again nor read as YAML. A relative PATH starts at the folder of the file that says it.
// Appends a line to errors for each failure.
void ExpandReferences(YamlDocument& document, std::vector<std::string>& errors);

}  // namespace tidegate
