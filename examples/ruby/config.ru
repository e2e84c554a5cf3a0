# The smallest Rack application.
run ->(_environment) { [200, { "Content-Type" => "text/plain" }, ["hello from Ruby\n"]] }
