"""Made by protoc of `proto/jindu/v1/jindu.proto`: `python -m tests.contract.test_grpc_schema` makes it anew."""
