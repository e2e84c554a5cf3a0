bind "tcp://0.0.0.0:8080"
threads 1, 4

# At TERM Puma finishes its requests, and then still dies of the signal: 143. Without the exception it
# ends with 0.
raise_exception_on_sigterm false
